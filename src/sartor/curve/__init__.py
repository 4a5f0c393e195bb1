"""How many examples are enough: sizes, laws, forecast and stop rule of a learning curve. Mathematics only."""
