"""A closed-loop load client: every caller waits for its reply, checks it, and sends the next.

    python -m clients.load unary-commands --callers 50 --seconds 10

All generators run in one asyncio process and are bounded in count and in time. A wrong or failed
reply ends its caller and is counted; it is never ignored.
"""
