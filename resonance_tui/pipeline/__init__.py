"""The face path: everything that happens to a picture of you, from the lens to one emotion.

All of it runs on this machine, in memory. No module here writes a picture to disk or sends one;
`tests/pipeline/test_privacy.py` watches the whole program from outside to check that, and
`tests/pipeline/test_picture_lifetime.py` checks where pictures die. In the order of the path:

1. The camera. `sources` says what `--camera` means, `devices` opens it with OpenCV (`opencv`),
   `demo_camera` needs no camera at all. `camera.FrameSource` reads it in a thread and keeps ONE
   frame: the next frame replaces it, and switching the camera off drops it and releases the
   device. A recording is paced by `playback_clock`; for `evaluate`, `stepped` reads one frame after
   the other as fast as it can. No picture is taken before detector and engine are loaded, nor
   before you have agreed (that question is asked by the screens and commands, not here).
2. The face. `frame_loop` hands each frame to `perception.Perception`, on a thread of its own
   (`threads`, `worker`). A detector (`detectors`, one module each) finds faces in it, `tracker`
   follows them and `seats` decides who is read (one person, unless all were asked for),
   `alignment.crop` cuts a small square out of the frame for each of those. With that the
   FRAME dies. The detector keeps a thumbnail of 32x18 grey pixels to notice cuts, and of each face
   that it follows a PATCH of 64x64 grey pixels, which dies with the next reading of the landmarks
   (a second), with a cut, with the face, and when the camera is switched off, or sharing on.
3. The clip. `clip_buffer.ClipBuffer` keeps the crops of the last moments, of one person;
   each person who is read has one. A CROP
   dies once it is older than twice the span of a clip; when another face is selected; about half a
   second after the face has gone; when the camera is switched off, or sharing on.
4. The preview. The newest crop in grey is what the screen can show. It dies with the next frame,
   with the face, and with the camera.
5. The prediction. The engine (package `engines`) turns a clip into seven probabilities, on a
   thread of its own. The CLIP dies with its prediction. From here on there are only numbers.
6. The emotion. `emotion_reader` drops predictions that are outdated, and `smoothing` turns the
   others into the emotion that holds, with a confidence; when another one has enough evidence is
   decided by `decision`. That is what `face_pipeline.FacePipeline`
   reports to the session, which sends the emotion's number and the confidence to the room, and
   never the probabilities. `face_status` holds the state that the screens show.

The one file that is ever fetched is MediaPipe's face model (`face_model`): a download, once, with
a pinned hash; nothing about you goes out with it. Libraries that would report their use to their
makers are kept from it by `resonance_tui.native`.
"""
