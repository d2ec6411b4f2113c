//! Prints an expression back as text that the search language reads as the same expression.
