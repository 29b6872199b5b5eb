/** Text as a QR code, drawn as one SVG path. Always dark on white: scanners expect it. */

import { encode } from "uqr";

interface QrCodeProps {
  readonly text: string;
  readonly label: string;
  /** Pixels a side on the page. */
  readonly size: number;
}

/** Empty modules around the code. ISO 18004 asks for four; the white card adds the rest. */
const BORDER_MODULES = 2;

export function QrCode({ text, label, size }: QrCodeProps) {
  const code = encode(text, { ecc: "M", border: BORDER_MODULES });
  const dark = code.data
    .flatMap((row, y) => row.map((filled, x) => (filled ? `M${x} ${y}h1v1h-1z` : "")))
    .join("");
  return (
    <svg
      viewBox={`0 0 ${code.size} ${code.size}`}
      width={size}
      height={size}
      role="img"
      aria-label={label}
      data-testid="qr"
      shapeRendering="crispEdges"
      style={{ background: "#fff", borderRadius: 8, flex: "none" }}
    >
      <path d={dark} fill="#191816" />
    </svg>
  );
}
