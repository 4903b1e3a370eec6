"""What is broken here: every part of the running house, while thirty visits and more go on in it."""
