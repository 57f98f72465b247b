"""The read node: replays and follows the journal, and answers queries over whole schedules."""
