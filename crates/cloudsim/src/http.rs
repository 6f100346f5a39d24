//! The HTTP skin. (Being built: see the next commit.)
