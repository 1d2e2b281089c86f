"""The texts that dialogue is made of: words for slots, exchanges with slots, remarks without."""
