/** What of the settings the box shows with its state. Pure. */
import { placesTold } from '../config/place_settings.ts';
import type { Settings } from '../config/schema.ts';
import { labelKindsOf } from '../flow/labels.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';
import { notConfigured } from './not_configured.ts';

export function settingsFacts(settings: Settings): Pick<BoxStatus, 'notConfigured' | 'labelKinds' | 'places' | 'line'> {
  const { labels, places, line } = settings;
  return { notConfigured: notConfigured(settings), labelKinds: labelKindsOf(labels), places: placesTold(places), line };
}
