"""審査 (review): applications, opinions and decisions of the review committee (Reg 5(vii))."""
