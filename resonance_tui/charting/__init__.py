"""Charts of a recording: the table of views, Chart.build, and pictures."""
