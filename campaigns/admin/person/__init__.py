"""What campaigns know of one person: parts of the customer's page."""
