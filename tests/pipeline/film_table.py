"""Films as people's machines make them, each in a line of ffmpeg, and what must be read of them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

SIZE = (64, 48)  # width, height in pixels


@dataclass(frozen=True, slots=True)
class Film:
    """`line`: ffmpeg's options behind its first input, the filter `source`. `spoil`: what happens
    to the file afterwards. The rest is what must be read; `frames` None: it is refused."""

    name: str
    line: str
    frames: int | None
    last: float = 29 / 30  # s from the first frame to the last one
    source: str = "testsrc2=s=64x48:r=30:d=1"
    size: tuple[int, int] = SIZE
    spoil: Callable[[bytes], bytes] | None = None
    lost: int = 0  # frames that damage may cost
    is_short: bool = False  # it ends before its length, which is said


def source(rate: str, seconds: float = 1.0, size: str = "64x48", name: str = "testsrc2") -> str:
    return f"{name}=s={size}:r={rate}:d={seconds}"


def overwritten(*shares: float) -> Callable[[bytes], bytes]:
    """40 bytes at each share of the file."""

    def spoil(data: bytes) -> bytes:
        copy = bytearray(data)
        for share in shares:
            begin = int(len(data) * share)
            copy[begin : begin + 40] = b"\xa5" * 40
        return bytes(copy)

    return spoil


def turned(cos: int, sin: int) -> Callable[[bytes], bytes]:
    """As a phone that was held another way says it: by a matrix in the header of the track."""

    def spoil(data: bytes) -> bytes:
        at = data.index(b"tkhd") + 44
        rows = (cos, sin, 0, -sin, cos, 0, 0, 0)
        matrix = struct.pack(">9i", *(row << 16 for row in rows), 1 << 30)
        return data[:at] + matrix + data[at + len(matrix) :]

    return spoil


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * share)]


def without(mark: bytes) -> Callable[[bytes], bytes]:
    """From the last `mark` on it is gone: the index of an AVI whose recorder crashed."""
    return lambda data: data[: data.rindex(mark)]


def with_wrong_index(data: bytes) -> bytes:
    """Each entry of an AVI's index points elsewhere."""
    at = data.rindex(b"idx1") + 8
    entries = bytearray(data[at:])
    for entry in range(0, len(entries) - 15, 16):
        entries[entry + 8 : entry + 12] = b"\x07\x00\x00\x00"
    return data[:at] + bytes(entries)


def lossy(data: bytes) -> bytes:
    """A transport stream that lacks every 40th packet."""
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    return b"".join(packet for n, packet in enumerate(packets) if n % 40 != 39)


H264 = "-c:v libx264 -preset ultrafast -threads 1 -pix_fmt yuv420p"
H265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none:pools=1:frame-threads=1"
SOUND = "-f lavfi -i sine=d=1"
FIELDS = f"{H264} -flags +ildct+ilme -x264opts tff=1"
HDR = f"{H265}:colorprim=bt2020:colormatrix=bt2020nc:transfer="
TEN_S, LAST = source("30", 10), 10 - 1 / 30
FILMS = [
    # containers and codecs
    Film("plain.mp4", H264, 30),
    Film("b_frames.mp4", f"{H264} -bf 3 -preset medium", 30),
    Film("fragmented.mp4", f"{H264} -g 10 -movflags frag_keyframe+empty_moov", 30),
    Film("matroska.mkv", H264, 30),
    Film("transport.ts", H264, 30),
    Film("hevc.mp4", f"{H265} -pix_fmt yuv420p", 30),
    Film("hevc_10_bit.mp4", f"{H265} -pix_fmt yuv420p10le", 30),
    Film("vp8.webm", "-c:v libvpx -deadline realtime -cpu-used 8", 30),
    Film("vp9.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", 30),
    Film("prores_alpha.mov", "-c:v prores_ks -pix_fmt yuva444p10le", 30),
    Film("animation.mov", "-c:v qtrle -pix_fmt argb", 30),
    Film("av1.mkv", "-c:v libaom-av1 -usage realtime -cpu-used 8 -threads 1", 30),
    Film("motion_jpeg.avi", "-c:v mjpeg -q:v 5", 30),
    Film("raw.avi", "-c:v rawvideo -pix_fmt bgr24", 30),
    Film("mpeg_2.mpg", "-c:v mpeg2video -q:v 5", 30),
    Film("mpeg_4.avi", "-c:v mpeg4 -q:v 5", 30),
    Film("flash.flv", "-c:v flv1 -q:v 5", 30),
    Film("looping.gif", "", 25, 0.96, source=source("25")),
    # pictures of other kinds
    Film("all_colours.mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuv444p", 30),
    Film("grey.mkv", "-c:v ffv1 -pix_fmt gray", 30),
    Film("grey_16_bit.mkv", "-c:v ffv1 -pix_fmt gray16le", 30),
    Film("odd_size.mkv", "-c:v ffv1", 10, 0.9, source("10", 1, "81x61", "testsrc"), size=(81, 61)),
    Film("tiny.mkv", "-c:v ffv1", 10, 0.9, source("10", 1, "2x2"), size=(2, 2)),
    Film("4k.mp4", H264, 2, 0.1, source("10", 0.2, "3840x2160"), size=(3840, 2160)),
    Film("interlaced.mpg", "-c:v mpeg2video -flags +ildct+ilme -q:v 5", 30),
    Film("two_fields.mp4", FIELDS, 25, 0.96, source("25")),
    Film("two_fields.ts", FIELDS, 25, 0.96, source("25")),
    Film("two_fields_cut.mkv", f"{FIELDS} -g 30", 250, 9.96, source("25", 10),
         spoil=cut(0.4), lost=225, is_short=True),
    Film("camcorder.dv", "-c:v dvvideo -s 720x576 -pix_fmt yuv420p", 25, 0.96, source("25"),
         size=(768, 576)),  # its pixels are not square
    Film("anamorphic.mp4", f"{H264} -vf setsar=2", 30, size=(128, 48)),
    Film("anamorphic_upright.mp4", f"{H264} -vf setsar=2", 30, size=(24, 64), spoil=turned(0, 1)),
    Film("dvd.mpg", "-c:v mpeg2video -q:v 5 -aspect 16:9", 25, 0.96, source("25"), size=(85, 48)),
    Film("broken_aspect.mp4", f"{H264} -vf setsar=99", 30),
    Film("cropped.mp4", f"{H264} -bsf:v h264_metadata=crop_left=8:crop_right=8", 30, size=(48, 48)),
    Film("422_10_bit.mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuv422p10le", 30),
    Film("one_pixel.mkv", "-vf format=rgb24,crop=1:1 -c:v ffv1", 30, size=(1, 1)),
    Film("strip.mkv", "-c:v ffv1", 3, 0.2, source("10", 0.3, "8192x16"), size=(8192, 16)),
    Film("moving.apng", "-f apng -plays 0", 30),
    Film("bare.h264", H264, 30, 29 / 25),  # without stamps, and taken for 25 fps
    Film("bare.y4m", "-pix_fmt yuv420p", 30),
    Film("station.mxf", "-c:v mpeg2video -pix_fmt yuv422p -q:v 4", 25, 0.96, source("25")),
    Film("moving.webp", "-c:v libwebp_anim", None),  # FFmpeg has no decoder for it
    # phones
    Film("hdr_hlg.mov", f"{HDR}arib-std-b67 -pix_fmt yuv420p10le", 30),
    Film("hdr_pq.mp4", f"{HDR}smpte2084 -pix_fmt yuv420p10le", 30),
    Film("hdr_upright.mp4", f"{HDR}arib-std-b67 -pix_fmt yuv420p10le", 30, size=(48, 64),
         spoil=turned(0, 1)),
    Film("upright.mp4", H264, 30, size=(48, 64), spoil=turned(0, 1)),
    Film("on_its_head.mp4", H264, 30, spoil=turned(-1, 0)),
    Film("upright_the_other_way.mp4", H264, 30, size=(48, 64), spoil=turned(0, -1)),
    # rates
    Film("240_fps.mp4", H264, 240, 239 / 240, source("240")),
    Film("60_fps.mp4", H264, 60, 59 / 60, source("60")),
    Film("ntsc.mp4", H264, 24, 23 * 1.001 / 24, source("24000/1001", 1.001)),
    Film("1_fps.mp4", H264, 5, 4.0, source("1", 5)),
    Film("one_every_two_seconds.mp4", H264, 3, 4.0, source("1/2", 6)),
    Film("half_of_each_third.mp4", f"{H264} -vf select=lt(mod(n\\,10)\\,5) -vsync vfr", 15, 0.8),
    Film(
        "nothing_for_70_s.mp4",
        f"{H264} -vf setpts=PTS+gte(N\\,15)*70/TB -vsync vfr",
        30,
        29 / 30,  # the pause is skipped
    ),
    Film(
        "nothing_for_5_s.mkv", f"{H264} -vf setpts=PTS+gte(N\\,15)*5/TB -vsync vfr", 30, 5 + 29 / 30
    ),
    Film("begins_late.ts", f"{H264} -output_ts_offset 1000", 30),
    Film("wraps.ts", f"{H264} -muxdelay 0 -output_ts_offset 95443.2", 30),
    Film("stamps_jump.ts", f"{H264} -vf setpts=PTS+gte(N\\,15)*5000/TB -vsync vfr", 30),
    Film("stamps_repeat.ts", H264, 60, 59 / 30, spoil=lambda data: data + data),
    Film("before_zero.mkv", f"{H264} -output_ts_offset -0.5 -avoid_negative_ts disabled", 30),
    # few pictures
    Film("one_frame.mp4", H264, 1, 0.0, source("25", 0.04)),
    Film("photo.jpg", "-frames:v 1", 1, 0.0),
    Film("photo.png", "-frames:v 1", 1, 0.0),
    # with sound
    Film("with_sound.mp4", f"{SOUND} {H264} -c:a aac", 30),
    Film("cover_of_a_song.mp3", f"{SOUND} -map 1:a -map 0:v -frames:v 1 -c:v png"
         " -c:a libmp3lame -disposition:v attached_pic", 1, 0.0),
    Film("sound_only.m4a", f"{SOUND} -c:a aac -map 1:a", None),
    Film("sound_only.wav", f"{SOUND} -map 1:a", None),
    # damage
    Film("one_damaged_packet.mp4", f"{H264} -g 30 -movflags +faststart", 300, LAST, TEN_S,
         spoil=overwritten(0.4), lost=15),
    Film("two_damaged_clusters.mkv", f"{H264} -g 30", 300, LAST, TEN_S,
         spoil=overwritten(0.3, 0.6), lost=70),
    Film("lost_packets.ts", f"{H264} -g 30", 300, LAST, TEN_S, spoil=lossy, lost=60),
    Film("cut_download.mp4", f"{H264} -movflags +faststart", 300, LAST, TEN_S,
         spoil=cut(0.4), lost=270, is_short=True),
    Film("cut_download.mkv", H264, 300, LAST, TEN_S, spoil=cut(0.4), lost=270, is_short=True),
    Film("cut_recording.ts", H264, 300, LAST, TEN_S, spoil=cut(0.4), lost=270),
    Film("crashed_recorder.mp4", H264, None, spoil=cut(0.6)),
    Film("crashed_recorder.avi", "-c:v mjpeg -q:v 5", 30, spoil=without(b"idx1"), lost=1),
    Film("wrong_index.avi", "-c:v mjpeg -q:v 5", 30,
         spoil=with_wrong_index, lost=29, is_short=True),
    Film("empty.mp4", H264, None, spoil=cut(0)),
    Film("head_only.mp4", H264, None, spoil=cut(0.01)),
]  # fmt: skip
