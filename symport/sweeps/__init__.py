"""The room of sweeps: tasks, where they run, and their records. :func:`symport.sweep.sweep` is the way in."""
