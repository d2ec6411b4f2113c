//! The procedures of the manual, as people do them; those for SIEM connections with receivers at the other end: each test looks
//! at what the page shows and at what was received.

mod change;
mod create;
mod delete;
mod desk;
mod fails;
mod keyboard;
mod newcomer;
mod received;
mod receiver;
mod search;
mod start_stop;
mod variants;
mod words;

const SUITE: &str = "the procedures of the console";
