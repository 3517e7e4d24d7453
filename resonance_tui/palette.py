"""Every colour of the app, by what it is for: emotions and other lines, screens, pictures.

Colours are "#rrggbb". Nothing else spells one out, so that a colour changes here and only here.
"""

from __future__ import annotations

# Of the emotions, after Okabe and Ito's palette, which keeps eight hues apart under the common
# forms of colour blindness; its black is a grey here, since terminals are dark.
HAPPINESS = "#f0e442"
SADNESS = "#56b4e9"
NEUTRAL = "#b8b8b8"
ANGER = "#d55e00"
SURPRISE = "#e69f00"
DISGUST = "#009e73"
FEAR = "#cc79a7"
AWAY = "#707070"
UNSURE = "#8a8a8a"

# Of screens; pictures have the same ground and the same ink.
BACKGROUND = "#11131a"
SURFACE = "#161922"
PANEL = "#1d212c"
LINE = "#2b3140"
TEXT = "#d5d8e0"
QUIET = "#868da0"
PRIMARY = "#7aa2c8"
SECONDARY = "#8f8fb8"
ACCENT = "#86c5c0"
SUCCESS = "#7fb68a"
WARNING = "#d9b26a"
ERROR = "#e0796f"

# Of lines in charts that are no emotion.
VIEWERS = "#56b4e9"
READ = "#b8b8b8"
RESONANCE = ACCENT

# The numbers of emotions' colours where there are sixteen: pairwise different, which the nearest
# ones are not. A colour that is not here becomes the nearest.
SIXTEEN = {
    HAPPINESS: 11,
    SADNESS: 14,
    NEUTRAL: 7,
    ANGER: 9,
    SURPRISE: 3,
    DISGUST: 10,
    FEAR: 13,
    AWAY: 8,
    UNSURE: 8,
}
