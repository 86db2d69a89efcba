"""How: one folder a processor, speaking its wire format and answering in normalization's words."""
