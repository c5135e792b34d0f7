"""Parts of the learned optimizer: tasks, the recurrent network that proposes steps, and its training."""
