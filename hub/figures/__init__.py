"""What routing learns and counts: outcomes, attempts, the use of daily limits, chargebacks, effective fees."""
