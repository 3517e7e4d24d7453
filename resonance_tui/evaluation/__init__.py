"""How well a person is read: tasks before a camera or in a film, and what was read during each.

`tasks` has the table of tasks, `plan` says when each begins, `scoring` and `summary` are pure;
`sitting` alone has a camera. Nothing here sees a picture: readings are words and numbers.
"""
