"""The guided path of a campaign at the desk, from its goal to its launch, and the steps of its life."""
