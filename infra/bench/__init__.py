"""`make bench`: figures of this build on this machine, side by side in one run. A benchmark, not a test: nothing here
passes or fails.

`sizes`: the release packages · `cold`: from process start to the first answer, and warm answers, against a stand-in for
Lambda's runtime API · `road`: accept to provider through the whole local stack.
"""
