// Which stretch of the record is on the paper: it follows the pen, or stays where a person put it.

export const MM = 96 / 25.4; // CSS pixels in a millimetre
const AHEAD_MM = 5; // of blank paper in front of the pen

export class View {
  constructor() {
    this.mmPerS = 25;
    this.mmPerMv = 10;
    this.width = 1; // of the paper, in CSS pixels
    this.hasPen = true;
    this.turnsPages = false; // for those who asked for less motion
    this.rest();
  }

  /** For a new record. */
  rest() {
    this.startS = 0;
    this.leastS = 0; // the oldest second there is
    this.follows = true;
  }

  get pixelsPerS() {
    return this.mmPerS * MM;
  }

  get spanS() {
    return this.width / this.pixelsPerS;
  }

  /** Where the paper begins while the record was read up to `positionS`. */
  followed(positionS) {
    if (this.turnsPages) {
      const page = Math.max(this.spanS - AHEAD_MM / this.mmPerS, 0.1);
      return Math.floor(Math.max(positionS - 1e-9, 0) / page) * page;
    }
    return Math.max(positionS + AHEAD_MM / this.mmPerS - this.spanS, this.leastS);
  }

  follow(positionS) {
    if (this.follows) this.startS = this.followed(positionS);
  }

  /** Put the paper's beginning somewhere; at the pen it follows again while the record runs. */
  moveTo(startS, positionS, isFinished) {
    const last = this.followed(positionS);
    this.startS = Math.min(Math.max(startS, this.leastS), last);
    this.follows = !isFinished && this.startS >= last - 1e-6;
  }
}
