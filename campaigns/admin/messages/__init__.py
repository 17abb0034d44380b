"""Messages at the desk: the editor of blocks, the live look, and where a message is used."""
