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
    CommandRow(
        "room",
        "room.viewers:room",
        mark("Moderate a room: who is there, mute, remove, lock, close, co-hosts."),
    ),
    CommandRow(
        "room list",
        "room.viewers:list_",
        mark("List who is in CHANNEL: nickname, id, account, since when, reports a minute, marks."),
    ),
    CommandRow("room mute", "room.acts:mute", mark("Neither count nor show a viewer.")),
    CommandRow("room unmute", "room.acts:unmute", mark("Count and show a muted viewer again.")),
    CommandRow(
        "room kick", "room.acts:kick", mark("Remove a viewer: the account ends, its link is spent.")
    ),
    CommandRow(
        "room readmit",
        "room.acts:readmit",
        mark("Let a removed viewer back, and a new one into a locked room."),
    ),
    CommandRow(
        "room hide-name", "room.acts:hide_name", mark("Show a viewer without the nickname.")
    ),
    CommandRow("room show-name", "room.acts:show_name", mark("Show a hidden nickname again.")),
    CommandRow("room badge", "room.acts:badge", mark("Give a viewer the host's badge.")),
    CommandRow("room unbadge", "room.acts:unbadge", mark("Take the host's badge from a viewer.")),
    CommandRow(
        "room forgotten",
        "room.acts:forgotten",
        mark("Tell a viewer who asked that what was recorded is deleted."),
    ),
    CommandRow("room lock", "room.acts:lock", mark("Let nobody new in.")),
    CommandRow("room unlock", "room.acts:unlock", mark("Let people in again.")),
    CommandRow(
        "room nicknames",
        "room.acts:nicknames",
        mark("Show everybody's nickname, or nobody's, and then no counts of few."),
    ),
    CommandRow(
        "room slow",
        "room.acts:slow",
        mark("The least seconds between two reports of one viewer; 0 ends it."),
    ),
    CommandRow(
        "room least",
        "room.acts:least",
        mark("From how many viewers on there are counts; 0: always."),
    ),
    CommandRow(
        "room blind",
        "room.acts:blind",
        mark("Show the room only to who has reacted, so many seconds later."),
    ),
    CommandRow(
        "room prompt",
        "room.acts:prompt",
        mark("Show everybody a line, until the next one; '' ends it."),
    ),
    CommandRow(
        "room cues",
        "room.cues:cues",
        mark("Show the prompts in FILE in the room, at their times of a film."),
    ),
    CommandRow("room teams", "room.acts:teams", mark("Which teams viewers may join; '' for none.")),
    CommandRow(
        "room private",
        "room.acts:private",
        mark("Have everybody's report randomised before it is sent; off ends it."),
    ),
    CommandRow(
        "room ask",
        "room.ask:ask",
        mark("Ask everybody a question, with two to eight answers."),
    ),
    CommandRow(
        "room close-question",
        "room.ask:close_question",
        mark("End the question: later answers do not count."),
    ),
    CommandRow("room title", "room.acts:title", mark("What the room is about.")),
    CommandRow("room close", "room.acts:close", mark("End the room for everybody, with a word.")),
    CommandRow("room open", "room.acts:open_", mark("Open a closed room.")),
    CommandRow(
        "room log",
        "room.viewers:log",
        mark(
            "Who did what in CHANNEL: what this machine has kept, and the newest from the broker."
        ),
    ),
    CommandRow(
        "room cohost", "room.cohosts:cohost", mark("Let others moderate, too, and stop that again.")
    ),
    CommandRow(
        "room cohost add",
        "room.cohosts:add",
        mark("Print a key that lets NAME moderate CHANNEL; send it to that person alone."),
    ),
    CommandRow(
        "room cohost accept",
        "room.cohosts:accept",
        mark("Take a key that a host has made for you; from FILE, or pasted when it is asked for."),
    ),
    CommandRow(
        "room cohost revoke",
        "room.cohosts:revoke",
        mark("End what NAME may do in CHANNEL; what that co-host has ruled holds no longer."),
    ),
    CommandRow("room key", "room.cohosts:key", mark("The keys of rooms on this machine.")),
    CommandRow(
        "room key show",
        "room.cohosts:show",
        mark(
            "Show the keys that are here: channel, fingerprint, whose it is; and co-hosts "
            "with theirs."
        ),
    ),
    CommandRow(
        "room key make",
        "room.cohosts:make",
        mark(
            "Make a key for a room of yours at somebody else's broker, and print the link "
            "that names it."
        ),
    ),
    CommandRow(
        "room key export",
        "room.cohosts:export",
        mark("Print the key of CHANNEL, a secret: for a backup, or to host the room elsewhere."),
    ),
    CommandRow(
        "room key import",
        "room.cohosts:import_",
        mark("Take a key that was exported elsewhere; from FILE, or pasted when it is asked for."),
    ),
    CommandRow("history", "history.options:history", mark("How channels felt over time.")),
    CommandRow(
        "history show",
        "history.options:show",
        mark("Show how a CHANNEL felt over time: a chart in a terminal, data anywhere else."),
    ),
    CommandRow(
        "history title",
        "history.options:title",
        mark("Give a session of CHANNEL another title; without TEXT, print the one it has."),
    ),
    CommandRow(
        "history note",
        "history.options:note",
        mark("Keep a note with a session of CHANNEL; without TEXT, print the one it has."),
    ),
    CommandRow(
        "history mark",
        "history.options:mark_",
        mark("Remember this moment of CHANNEL, which a program on this machine records."),
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
        "replay",
        "replay:replay",
        mark(
            "Watch a recording of CHANNEL again: the room runs beside your video, and you react "
            "to it."
        ),
    ),
    CommandRow(
        "log",
        "log:log",
        mark("Record CHANNEL without joining it: one row a second into the local database."),
    ),
    CommandRow(
        "serve",
        "serve:serve",
        mark("Serve CHANNEL to OBS and to programs: an overlay, its settings page, events, rows."),
    ),
    CommandRow(
        "obs",
        "obs:obs",
        mark("Record CHANNEL beside OBS, which saves replays and chapters when the room moves."),
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
        "evaluate",
        "evaluate:evaluate",
        mark("Measure how well your face is read: two minutes before your camera, task by task."),
    ),
    CommandRow(
        "doctor",
        "doctor:doctor",
        mark("Try everything the app needs on this machine and say what to do about the rest."),
    ),
    CommandRow(
        "face-model",
        "face_model:face_model",
        mark("The file by which faces are found; fetched once, by itself or ahead of time."),
    ),
    CommandRow(
        "face-model fetch",
        "face_model:fetch",
        mark("Put the face model into the data directory, from the first place that has it."),
    ),
    CommandRow(
        "face-model status",
        "face_model:status",
        mark("Say where the face model is; exit code 1 where it is not here."),
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
        "models info",
        "models.list:info",
        mark("Everything the card of network NAME, or of the network in the engine NAME, says."),
    ),
    CommandRow(
        "models list",
        "models.list:list_",
        mark("Name, parameters, GMACs, clip, published results, and whether weights are here."),
    ),
    CommandRow(
        "models predict",
        "models.predict:predict",
        mark(
            "Read the emotion in pictures, films and folders of frames PATHS; `models score` "
            "scores it."
        ),
    ),
    CommandRow(
        "models pull",
        "models.weights:pull",
        mark("Fetch the published weights of network NAME into the data directory."),
    ),
    CommandRow(
        "models score",
        "models.score:score",
        mark(
            "Score predictions in a CSV FILE: WAR, UAR, F1, recalls, precisions, confusion, 95% "
            "intervals."
        ),
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
