//! The console as people use it, in a real browser.

mod harness;
mod pages;
mod procedures;
