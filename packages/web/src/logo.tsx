/** The mark: a hexagon of comb, and in it two ends with one line between them. */

export function Logo({ size = 28 }: { readonly size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <path
        d="M16 2.5 27.7 9.25v13.5L16 29.5 4.3 22.75V9.25Z"
        fill="#ffc42e"
        stroke="#ffc42e"
        strokeWidth="3"
        strokeLinejoin="round"
      />
      <path
        d="M8 19.5c4.5 0 4.5-7 8-7s3.5 7 8 7"
        fill="none"
        stroke="#1a1917"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
      <circle cx="8" cy="19.5" r="2.6" fill="#1a1917" />
      <circle cx="24" cy="19.5" r="2.6" fill="#1a1917" />
    </svg>
  );
}
