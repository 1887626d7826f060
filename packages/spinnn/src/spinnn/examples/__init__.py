"""Examples that run as commands, such as `python -m spinnn.examples.digits --out digits-output`.

They need the extra `examples`: `pip install "spinnn[examples]"`.

Written as a user would write them, with public names (`·`) alone.

May import: `·`, `training`.
"""
