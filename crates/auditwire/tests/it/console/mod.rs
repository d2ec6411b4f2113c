//! The console as people use it, in a real browser.

mod harness;
mod hostile;
mod keyboard;
mod live;
mod log;
mod pages;
mod procedures;
