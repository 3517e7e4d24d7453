"""The commands of the program. A command is one file, and one row of this table."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.texts import mark


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command before it is imported."""

    path: str  # as it is typed after the program's name: "broker users add"
    target: str  # "module:attribute" of the click command, below this package
    summary: str  # the first sentence of its help, for lists of commands

    @property
    def group(self) -> str:
        """The path of the group it belongs to; "" for the program itself."""
        return self.path.rpartition(" ")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition(" ")[2]


# In the order in which help lists them.
COMMANDS = (
    CommandRow(
        "join",
        "join:join",
        mark(
            "Join CHANNEL (or a link) and share your emotion; without it, choose on a start screen."
        ),
    ),
    CommandRow(
        "broker",
        "broker.start:broker",
        mark("Run the broker that a channel meets at (Mosquitto, or a small embedded one)."),
    ),
    CommandRow(
        "broker invite",
        "broker.invite:invite",
        mark("Print a link that lets one person into CHANNEL, once."),
    ),
    CommandRow(
        "broker share",
        "broker.share:share",
        mark("Show the link that lets everybody into CHANNEL; with --for, make one."),
    ),
    CommandRow(
        "broker invites",
        "broker.invites:invites",
        mark("The links that let people in at this machine's broker, those of earlier runs too."),
    ),
    CommandRow(
        "broker invites list",
        "broker.invites:list_invites",
        mark("Print the links: id, name, room, how many used it, until when."),
    ),
    CommandRow(
        "broker invites revoke",
        "broker.invites:revoke",
        mark("End a link: nobody comes in by it any more."),
    ),
    CommandRow(
        "broker users", "broker.users:users", mark("The accounts at this machine's broker.")
    ),
    CommandRow(
        "broker users add",
        "broker.users:add",
        mark("Make an account NAME and print its password, which is shown this once."),
    ),
    CommandRow(
        "broker users remove",
        "broker.users:remove",
        mark("Take away the account NAME; whoever uses it is cut off."),
    ),
    CommandRow(
        "broker users list",
        "broker.users:list_users",
        mark("Print the accounts: name, role, rooms."),
    ),
    CommandRow("history", "history.options:history", mark("How channels felt over time.")),
    CommandRow(
        "history show",
        "history.options:show",
        mark("Show how a CHANNEL felt over time: a chart in a terminal, data anywhere else."),
    ),
    CommandRow(
        "history forget",
        "history.options:forget",
        mark("Delete what was recorded in CHANNEL, or in all channels, and give the space back."),
    ),
    CommandRow(
        "history vacuum",
        "history.options:vacuum",
        mark("Make the database as small as what is in it; recording may go on meanwhile."),
    ),
    CommandRow(
        "history sync",
        "history.options:sync",
        mark("Send what the Google sheet lacks, as `sheets sync` does."),
    ),
    CommandRow(
        "log",
        "log:log",
        mark("Record CHANNEL without joining it: one row a second into the local database."),
    ),
    CommandRow(
        "sheets",
        "sheets.options:sheets",
        mark("The history in a Google sheet: set it up, send what is left, see how it is doing."),
    ),
    CommandRow(
        "sheets setup",
        "sheets.options:setup",
        mark(
            "Log in at Google, take or make a sheet for CHANNEL (default: for every channel), "
            "share it."
        ),
    ),
    CommandRow(
        "sheets status",
        "sheets.options:status",
        mark(
            "What is sent and what is left, what went wrong last, calls of the last twelve hours."
        ),
    ),
    CommandRow(
        "sheets sync",
        "sheets.options:sync",
        mark(
            "Send what the sheet lacks of CHANNEL, or of all channels; it may be stopped at any "
            "time."
        ),
    ),
    CommandRow(
        "aggregate",
        "aggregate:aggregate",
        mark(
            "Count CHANNEL for its viewers, so that a large room costs each of them next to "
            "nothing."
        ),
    ),
    CommandRow(
        "audience",
        "audience:audience",
        mark("Fill CHANNEL with simulated viewers, marked as simulated on every screen."),
    ),
    CommandRow(
        "doctor",
        "doctor:doctor",
        mark("Try everything the app needs on this machine and say what to do about the rest."),
    ),
    CommandRow(
        "models",
        "models.list:models",
        mark(
            "The networks: what there is, official weights for them, scores of their predictions."
        ),
    ),
    CommandRow(
        "models bench",
        "models.bench:bench",
        mark(
            "Time networks NAMES (default: the fused one) against a plain forward on this machine."
        ),
    ),
    CommandRow(
        "models import",
        "models.weights:import_",
        mark(
            "Take a checkpoint FILE (.pth, .pt, .safetensors) that you have into the data "
            "directory."
        ),
    ),
    CommandRow(
        "models info", "models.list:info", mark("Everything the card of network NAME says.")
    ),
    CommandRow(
        "models list",
        "models.list:list_",
        mark("Name, parameters, GMACs, clip, published results, and whether weights are here."),
    ),
    CommandRow(
        "models pull",
        "models.weights:pull",
        mark("Fetch the published weights of network NAME into the data directory."),
    ),
    CommandRow(
        "models score",
        "models.score:score",
        mark("Score predictions in a CSV FILE: WAR, UAR, recalls, confusion, 95% intervals."),
    ),
    CommandRow(
        "config",
        "config:config",
        mark("See and change the settings, where each comes from, and the consent you gave."),
    ),
    CommandRow(
        "config consent",
        "config:consent",
        mark("Show, give or take back the consent to read your face on this machine."),
    ),
    CommandRow("config path", "config:path", mark("Print where settings, data and logs live.")),
    CommandRow(
        "config set",
        "config:set_",
        mark("Write VALUE for KEY into the settings file, which keeps its comments."),
    ),
    CommandRow(
        "config show",
        "config:show",
        mark("Print every setting with its origin, as a settings file has it; secrets are masked."),
    ),
    CommandRow(
        "config unset",
        "config:unset",
        mark("Take KEY out of the settings file: its default holds again."),
    ),
    CommandRow(
        "completion", "completion:completion", mark("Print the completion script for SHELL.")
    ),
)
