package picture

import "encoding/binary"

// Tags of TIFF, and so of EXIF.
const (
	tagCompression  = 259
	tagOrientation  = 274
	tagRowsPerStrip = 278
	tagTileWidth    = 322
	tagTileLength   = 323
)

// tags reads the first directory of a TIFF file, or of EXIF, which has the same form: entries of one whole number, 16 or 32 bits. What
// is damaged is left out. TIFF 6.0, section 2.
func tags(data []byte) map[uint16]uint32 {
	var order binary.ByteOrder
	switch {
	case len(data) < 8:
		return nil
	case string(data[:4]) == "II*\x00":
		order = binary.LittleEndian
	case string(data[:4]) == "MM\x00*":
		order = binary.BigEndian
	default:
		return nil
	}
	at := int64(order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return nil
	}
	found := map[uint16]uint32{}
	entries := data[at+2:]
	for range order.Uint16(data[at:]) {
		if len(entries) < 12 {
			break
		}
		entry := entries[:12]
		entries = entries[12:]
		if order.Uint32(entry[4:]) != 1 {
			continue
		}
		switch tag := order.Uint16(entry); order.Uint16(entry[2:]) {
		case 3: // SHORT
			found[tag] = uint32(order.Uint16(entry[8:]))
		case 4: // LONG
			found[tag] = order.Uint32(entry[8:])
		}
	}
	return found
}
