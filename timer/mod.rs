//! Time: clock, wheel, sleeps.
