// As much of a canvas's 2D context as the paper's drawing uses, written as a PDF page: lines stay lines at any size.
//
// One unit is a CSS pixel, 1/96 inch, from the top left, so that a millimetre of paper is one when printed.

const POINTS = 0.75; // in a CSS pixel
const WIN_ANSI = { "–": 0x96, "—": 0x97, "’": 0x92, "“": 0x93, "”": 0x94, "…": 0x85, "•": 0x95, "€": 0x80 };
const CIRCLE = 0.5523; // of the radius: a quarter circle as a Bézier curve
const number = (value) => String(Math.round(1000 * value) / 1000);

export class PdfContext {
  /** A page of that many CSS pixels. */
  constructor(width, height) {
    Object.assign(this, { width, height, fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, globalAlpha: 1, font: "10px sans-serif", textAlign: "left" });
    this.ops = [`${POINTS} 0 0 ${-POINTS} 0 ${number(POINTS * height)} cm 1 j`];
    this.path = [];
    this.stack = [];
    this.alphas = new Set();
    this.ruler = document.createElement("canvas").getContext("2d");
  }

  // ---- state -------------------------------------------------------------------------------

  save() {
    const { fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign } = this;
    this.stack.push({ fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign });
    this.ops.push("q");
  }

  restore() {
    Object.assign(this, this.stack.pop());
    this.ops.push("Q");
  }

  translate(x, y) {
    this.ops.push(`1 0 0 1 ${number(x)} ${number(y)} cm`);
  }

  // ---- paths -------------------------------------------------------------------------------

  beginPath() {
    this.path = [];
  }

  moveTo(x, y) {
    this.path.push(`${number(x)} ${number(y)} m`);
  }

  lineTo(x, y) {
    this.path.push(`${number(x)} ${number(y)} l`);
  }

  rect(x, y, width, height) {
    this.path.push(`${[x, y, width, height].map(number).join(" ")} re`);
  }

  /** A whole circle: the drawings know no other arc. */
  arc(x, y, r) {
    const c = CIRCLE * r, curve = (...points) => this.path.push(`${points.map(number).join(" ")} c`);
    this.moveTo(x + r, y);
    curve(x + r, y + c, x + c, y + r, x, y + r);
    curve(x - c, y + r, x - r, y + c, x - r, y);
    curve(x - r, y - c, x - c, y - r, x, y - r);
    curve(x + c, y - r, x + r, y - c, x + r, y);
  }

  stroke() {
    this.paint("S", this.strokeStyle, "RG", `${number(this.lineWidth)} w`);
  }

  fill() {
    this.paint("f", this.fillStyle, "rg");
  }

  fillRect(x, y, width, height) {
    this.beginPath();
    this.rect(x, y, width, height);
    this.fill();
  }

  clip() {
    this.ops.push(`${this.path.join(" ")} W n`);
  }

  paint(operator, style, setter, more = "") {
    if (!this.path.length) return;
    const [colour, alpha] = this.colour(style);
    this.ops.push(`q ${alpha} ${colour} ${setter} ${more} ${this.path.join(" ")} ${operator} Q`);
  }

  // ---- text --------------------------------------------------------------------------------

  measureText(text) {
    this.ruler.font = this.font.replace(/px .*/, "px Helvetica, Arial, 'Liberation Sans', sans-serif");
    return this.ruler.measureText(text);
  }

  fillText(text, x, y) {
    const [, weight, size] = this.font.match(/(?:(\d+) )?([\d.]+)px/), [colour, alpha] = this.colour(this.fillStyle);
    const shift = { left: 0, center: 0.5, right: 1 }[this.textAlign] * this.measureText(text).width;
    const font = Number(weight ?? 400) >= 600 ? "F2" : "F1";
    this.ops.push(`q ${alpha} ${colour} rg BT /${font} ${size} Tf 1 0 0 -1 ${number(x - shift)} ${number(y)} Tm (${escaped(text)}) Tj ET Q`);
  }

  /** Three numbers of a CSS hex colour, and the operator for its opacity. */
  colour(style) {
    const digits = style.slice(1), wide = digits.length > 4 ? digits.match(/../g) : [...digits].map((one) => one + one);
    const [red, green, blue, alpha = 255] = wide.map((pair) => parseInt(pair, 16));
    const percent = Math.round((100 * alpha * this.globalAlpha) / 255);
    this.alphas.add(percent);
    return [[red, green, blue].map((value) => number(value / 255)).join(" "), `/A${percent} gs`];
  }

  // ---- the file ----------------------------------------------------------------------------

  /** The whole PDF, as a string of bytes. */
  file(title) {
    const content = this.ops.join("\n"), states = [...this.alphas].map((percent) => `/A${percent} << /ca ${percent / 100} /CA ${percent / 100} >>`);
    const fonts = ["Helvetica", "Helvetica-Bold"].map((name, k) => `/F${k + 1} << /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`);
    const objects = [
      "<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
      "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${number(POINTS * this.width)} ${number(POINTS * this.height)}] /Contents 4 0 R /Resources << /Font << ${fonts.join(" ")} >> /ExtGState << ${states.join(" ")} >> >> >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
      `<< /Title (${escaped(title)}) /Producer (leadone) >>`,
    ];
    let text = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
    const offsets = objects.map((object, k) => {
      const at = text.length;
      text += `${k + 1} 0 obj\n${object}\nendobj\n`;
      return at;
    });
    const table = offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
    return `${text}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 5 0 R >>\nstartxref\n${text.length}\n%%EOF\n`;
  }
}

/** Text as bytes of the encoding that every PDF reader has, "?" for what is not in it. */
function escaped(text) {
  const bytes = [...text].map((one) => WIN_ANSI[one] ?? (one.codePointAt(0) < 256 ? one.codePointAt(0) : 63));
  return bytes.map((byte) => ("()\\".includes(String.fromCharCode(byte)) ? "\\" : "") + String.fromCharCode(byte)).join("");
}
