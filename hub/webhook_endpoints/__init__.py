"""Where applications are told of events: signed deliveries, each retried, logged and sent again when asked."""
