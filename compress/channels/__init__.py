"""Channels that go together: how they are masked, what they cost, how many of them a budget leaves."""
