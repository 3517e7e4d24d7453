"""The zoo: labels, measures, cards, networks, the scripts that train and evaluate."""
