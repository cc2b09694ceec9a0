"""What things are: instances, policies, plans, and the mathematical program over them."""
