"""Run the campaign."""

from benchmarks.reliability.campaign import main

main()
