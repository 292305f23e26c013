"""The local stack: the whole deployment on this machine, without an AWS account and without Docker.

Read in this order:

    __main__.py      the commands (up, run, down, status, test, logs, watch)
    settings.py      every setting, from the environment
    stack.py         what "up" and "down" mean, and .local/stack.json
    build.py         cargo build, and the packages the functions are deployed as
    emulator.py      the process that is "AWS": MiniStack, and the API on a plain port
    deploy.py        template.yaml through CloudFormation, API routes, secrets
    credentials.py   development secrets and access tokens
    demo.py          the first message on every channel
    crates.py        for `make lint`: no banned crate is linked, none with an advisory
    processes.py, progress.py    starting and stopping; what is printed
"""
