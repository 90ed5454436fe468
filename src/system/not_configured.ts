/** What a new box still needs, each with what to do: printed at start and shown on the page. Pure. */
import type { Settings } from '../config/schema.ts';

export function notConfigured(settings: Settings): string[] {
  if (settings.safeMode) {
    return [
      'Safe mode: only this page and health over MQTT run; nothing is metered, kept or exported. ' +
        'If nobody set safeMode, the service failed again and again: look at its log (journalctl -u flowspan), mend the settings or update, restart.',
    ];
  }
  const missing: string[] = [];
  if (settings.meter.source === 'demo') {
    missing.push(
      'Metering: this is the demo office, not your network. Start with --interface NAME, or set meter.source to interface.',
    );
  }
  if (settings.meter.source === 'none') missing.push('Metering: meter.source is none, so nothing is metered.');
  if (settings.export.destinations.length === 0) {
    missing.push('Flow records: no collector is set, so none are exported. Add one under export.destinations.');
  }
  if (settings.mqtt.brokers.length === 0) missing.push('Summaries: no MQTT broker is set. Add one under mqtt.brokers.');
  if (settings.site === 'site')
    missing.push('Site: this box does not know its branch. Set site, and siteNetworks for upload and download.');
  return missing;
}
