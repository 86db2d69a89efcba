"""What must arrive from the processors, and where our books and theirs disagree."""
