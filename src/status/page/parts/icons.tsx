/** Few own marks, drawn on a 16 grid with one stroke. Decorative: whatever they mean is also said in words. */
import type { ComponentChildren } from 'preact';

function Icon({ children, size = 16 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const Mark = () => (
  <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="8" class="mark-ground" />
    <path d="M6 11h7c4 0 4 10 8 10h5" class="mark-line" />
    <path d="M6 21h7c4 0 4-10 8-10h5" class="mark-line mark-line-2" />
  </svg>
);

export const GoodIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="6.2" />
    <path d="M5.4 8.2l1.8 1.8 3.4-3.8" />
  </Icon>
);
export const WarnIcon = () => (
  <Icon>
    <path d="M8 2.2L14.4 13.4H1.6z" />
    <path d="M8 6.4v3.2M8 11.6v.01" />
  </Icon>
);
export const BadIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="6.2" />
    <path d="M8 4.8v3.8M8 11.1v.01" />
  </Icon>
);
export const InfoIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="6.2" />
    <path d="M8 7.4v3.8M8 4.9v.01" />
  </Icon>
);
export const ChevronIcon = () => (
  <Icon>
    <path d="M4.5 6.5L8 10l3.5-3.5" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="2.9" />
    <path d="M8 1.4v1.4M8 13.2v1.4M1.4 8h1.4M13.2 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M3.3 12.7l1-1M11.7 4.3l1-1" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M13.4 9.6A5.8 5.8 0 0 1 6.4 2.6a5.8 5.8 0 1 0 7 7z" />
  </Icon>
);
export const SystemIcon = () => (
  <Icon>
    <rect x="1.8" y="2.6" width="12.4" height="8.6" rx="1.6" />
    <path d="M5.6 13.8h4.8M8 11.4v2.2" />
  </Icon>
);
export const CopyIcon = () => (
  <Icon>
    <rect x="5.4" y="5.4" width="8.4" height="8.4" rx="1.8" />
    <path d="M10.6 2.6H4a1.8 1.8 0 0 0-1.8 1.8v6.4" />
  </Icon>
);
export const PersonIcon = () => (
  <Icon>
    <circle cx="8" cy="5.4" r="2.9" />
    <path d="M2.6 13.8a5.6 5.6 0 0 1 10.8 0" />
  </Icon>
);
