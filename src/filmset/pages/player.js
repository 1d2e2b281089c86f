// The player of a film set's page: one silent picture, one sound a track, all of them running together, so
// that another track is heard at once. Without this file the page still shows the truth.
"use strict";

(() => {
  const film = JSON.parse(document.getElementById("truth").textContent);
  const find = (name) => document.getElementById(name);
  const video = find("picture"), canvas = find("overlay"), subtitles = find("subtitles");
  const sounds = [...document.querySelectorAll("audio[data-track]")];
  const switches = [...document.querySelectorAll("button[data-track]")];
  const lanes = [...document.querySelectorAll(".lines[data-track]")];
  const rows = [...document.querySelectorAll("[data-seek]")];
  const playButton = find("play"), boxesButton = find("boxes"), message = find("message");
  const inner = find("inner"), timeline = find("timeline"), ruler = find("ruler"), playhead = find("playhead");
  const length = film.frames / film.fps;
  const FAR_S = 0.25, NEAR_S = 0.015; // beyond FAR a sound jumps into place, within NEAR it is left alone
  const HIT_S = 0.2; // how long a hit of an event is shown
  let track = 0, shown = "", boxes = true, zoom = 1;

  const frameAt = (time) => Math.min(film.frames - 1, Math.floor(time * film.fps + 1e-3));
  const clock = (time) => {
    const tenths = Math.floor(time * 10 + 1e-6), minutes = Math.floor(tenths / 600), rest = tenths % 600;
    const ahead = minutes >= 60 ? `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}` : minutes;
    return `${ahead}:${String(Math.floor(rest / 10)).padStart(2, "0")}.${rest % 10}`;
  };

  // ---- playing: the picture leads, the sounds follow

  function play() {
    if (video.ended || video.currentTime >= length - 0.01) video.currentTime = 0;
    // All are started within the click itself: browsers let no sound begin later.
    const started = [video, ...sounds].map((one) => {
      if (one !== video) one.currentTime = video.currentTime;
      return one.play();
    });
    Promise.all(started).then(() => { message.textContent = ""; }, (error) => {
      if (error.name !== "AbortError") message.textContent = `This browser did not start all of it: ${error.message}`;
    });
  }

  function pause() {
    video.pause();
    for (const sound of sounds) sound.pause();
  }

  function toggle() { if (video.paused) play(); else pause(); }

  function seek(time) {
    const place = Math.max(0, Math.min(time, length - 0.5 / film.fps));
    video.currentTime = place;
    for (const sound of sounds) sound.currentTime = place;
    draw();
  }

  function step(frames) {
    pause();
    seek((frameAt(video.currentTime) + frames + 0.5) / film.fps);
  }

  // Small gaps are closed by playing a little faster or slower, which is not heard; large ones by a jump.
  function follow() {
    if (video.paused || video.seeking || video.readyState < 3) return;
    for (const sound of sounds) {
      if (sound.ended || sound.seeking) continue;
      if (sound.paused) sound.play().catch(() => {});
      const gap = sound.currentTime - video.currentTime;
      if (Math.abs(gap) > FAR_S) sound.currentTime = video.currentTime;
      const nudge = Math.abs(gap) > NEAR_S && Math.abs(gap) <= FAR_S ? Math.max(-0.05, Math.min(0.05, gap)) : 0;
      sound.playbackRate = video.playbackRate * (1 - nudge);
    }
  }

  function listen(number) {
    if (!(number in sounds)) return;
    track = number;
    sounds.forEach((sound, index) => { sound.muted = index !== number; });
    switches.forEach((button, index) => button.setAttribute("aria-pressed", String(index === number)));
    lanes.forEach((lane, index) => { lane.hidden = index !== number; });
    shown = "";
    draw();
  }

  // ---- drawing: subtitles, the playhead, rows of tables, boxes on the picture

  function spoken(time) {
    return film.tracks[track].lines.filter((line) => line.start <= time && time < line.end);
  }

  function subtitle(lines, time) {
    const state = lines.map((line) => line.row + ":" + line.pieces.findIndex((piece) => piece.length > 1 &&
      piece[1] <= time && time < piece[2])).join();
    if (state === shown && subtitles.childNodes.length) return;
    shown = state;
    subtitles.replaceChildren(...lines.map((line) => {
      const paragraph = document.createElement("p");
      const name = document.createElement("b");
      name.className = `s${line.colour}`;
      name.textContent = line.speaker;
      paragraph.append(name, " ");
      for (const piece of line.pieces) {
        const span = document.createElement("span");
        span.textContent = piece[0];
        if (piece.length > 1 && piece[1] <= time && time < piece[2]) span.className = "now";
        paragraph.append(span);
      }
      return paragraph;
    }));
    const current = new Set(lines.map((line) => String(line.row)));
    for (const row of rows) if (row.dataset.row) row.closest("tr").classList.toggle("now", current.has(row.dataset.row));
  }

  function placeOf(box, frame) { // the last place that began at or before the frame
    let low = 0, high = box.places.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (box.places[middle][0] <= frame) low = middle; else high = middle - 1;
    }
    return box.places[low];
  }

  function overlay(time, lines) {
    const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth, high = canvas.clientHeight;
    if (canvas.width !== Math.round(wide * ratio)) canvas.width = Math.round(wide * ratio);
    if (canvas.height !== Math.round(high * ratio)) canvas.height = Math.round(high * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, wide, high);
    if (!boxes) return;
    const frame = frameAt(time), across = wide / film.width, down = high / film.height;
    const speaking = new Set(lines.map((line) => line.speaker));
    pen.font = "12px system-ui, sans-serif";
    for (const box of film.boxes) {
      if (frame < box.from || frame >= box.to) continue;
      const [, top, left, bottom, right] = placeOf(box, frame);
      const area = [left * across, top * down, (right - left) * across, (bottom - top) * down];
      const active = box.kind === "mouth" ? speaking.has(box.name)
        : box.hits.some((hit) => hit <= time && time < hit + HIT_S);
      pen.setLineDash(box.kind === "mouth" ? [] : [5, 3]);
      for (const [colour, width] of [["#000", 3.5], [active ? "#ffe14d" : "#fff", 1.5]]) {
        pen.strokeStyle = colour;
        pen.lineWidth = width;
        pen.strokeRect(...area);
      }
      pen.lineWidth = 3;
      pen.strokeStyle = "#000";
      pen.fillStyle = active ? "#ffe14d" : "#fff";
      const x = Math.max(2, Math.min(area[0], wide - pen.measureText(box.name).width - 2));
      const y = Math.max(13, Math.min(area[1] > 16 ? area[1] - 5 : area[1] + area[3] + 13, high - 4));
      pen.setLineDash([]);
      pen.strokeText(box.name, x, y);
      pen.fillText(box.name, x, y);
    }
  }

  function draw() {
    const time = video.currentTime, lines = spoken(time);
    subtitle(lines, time);
    overlay(time, lines);
    playhead.style.left = `${100 * Math.min(1, time / length)}%`;
    find("clock").textContent = `${clock(time)} / ${clock(length)}`;
    find("frame").textContent = `frame ${frameAt(time)}`;
    ruler.setAttribute("aria-valuenow", time.toFixed(2));
    ruler.setAttribute("aria-valuetext", clock(time));
    if (!video.paused && inner.clientWidth > timeline.clientWidth) {
      const x = inner.clientWidth * time / length - timeline.scrollLeft;
      if (x < 0 || x > 0.85 * timeline.clientWidth) timeline.scrollLeft += x - 0.15 * timeline.clientWidth;
    }
  }

  function run() {
    draw();
    if (!video.paused) requestAnimationFrame(run);
  }

  function magnify(factor) {
    const middle = (timeline.scrollLeft + timeline.clientWidth / 2) / inner.clientWidth;
    zoom = Math.max(1, Math.min(16, zoom * factor));
    inner.style.setProperty("--zoom", zoom);
    timeline.scrollLeft = middle * inner.clientWidth - timeline.clientWidth / 2;
  }

  // ---- what people do

  video.addEventListener("play", () => {
    playButton.textContent = "Pause";
    requestAnimationFrame(run);
  });
  video.addEventListener("pause", () => {
    playButton.textContent = "Play";
    for (const sound of sounds) sound.pause();
    draw();
  });
  video.addEventListener("waiting", () => { for (const sound of sounds) sound.pause(); });
  for (const name of ["seeked", "loadeddata", "timeupdate"]) video.addEventListener(name, draw);
  video.addEventListener("error", () => { message.textContent = "This browser cannot play the picture (H.264)."; });
  window.addEventListener("resize", draw);
  setInterval(follow, 250);

  const pressed = {
    play: toggle,
    back: () => seek(video.currentTime - 5),
    forward: () => seek(video.currentTime + 5),
    earlier: () => step(-1),
    later: () => step(1),
    wider: () => magnify(2),
    narrower: () => magnify(0.5),
    boxes: () => {
      boxes = !boxes;
      boxesButton.setAttribute("aria-pressed", String(boxes));
      draw();
    },
  };
  for (const [name, action] of Object.entries(pressed)) find(name).addEventListener("click", action);
  switches.forEach((button, index) => button.addEventListener("click", () => listen(index)));
  find("speed").addEventListener("change", (event) => {
    for (const one of [video, ...sounds]) one.playbackRate = Number(event.target.value);
  });
  find("volume").addEventListener("input", (event) => {
    for (const sound of sounds) sound.volume = Number(event.target.value);
  });
  for (const row of rows) row.addEventListener("click", () => seek(Number(row.dataset.seek)));

  const timeAt = (event) => {
    const area = inner.getBoundingClientRect();
    return length * (event.clientX - area.left) / area.width;
  };
  inner.addEventListener("click", (event) => seek(timeAt(event)));
  inner.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" && event.buttons & 1) seek(timeAt(event));
  });
  ruler.addEventListener("keydown", (event) => {
    const move = { Home: -length, End: length, PageUp: -10, PageDown: 10, ArrowLeft: -1, ArrowRight: 1,
      ArrowDown: -1, ArrowUp: 1 }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    seek(video.currentTime + move);
  });

  const keys = { " ": toggle, ArrowLeft: pressed.back, ArrowRight: pressed.forward, ",": pressed.earlier,
    ".": pressed.later, b: pressed.boxes };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.closest("input, select, button, a, summary, [tabindex]");
    const number = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
    if (number >= 0 && !(field && field.matches("input, select"))) listen(number);
    else if (event.key in keys && !field) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  const seekHash = () => {
    const match = /^#t=([\d.]+)$/.exec(location.hash);
    if (match) seek(Number(match[1]));
  };
  window.addEventListener("hashchange", seekHash);
  listen(0);
  if (video.readyState) seekHash(); else video.addEventListener("loadedmetadata", seekHash, { once: true });
})();
