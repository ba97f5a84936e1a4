"""What compiled loops share: how they are compiled, kept between runs, and vectorised."""
