//! The service as its clients see it, in process.

mod openapi;
