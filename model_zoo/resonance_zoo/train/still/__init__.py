"""What training and evaluation share: reading data, augmenting, measuring, exporting."""
