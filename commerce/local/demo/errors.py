"""What can go wrong in the story."""


class StoryBroken(Exception):
    """Something did not go as told; the sentence says what."""
