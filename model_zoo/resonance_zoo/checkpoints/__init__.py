"""Files of weights: reading foreign ones safely, fetching, fitting and keeping them."""
