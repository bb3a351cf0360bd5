# Reads what abidiff --leaf-changes-only reports, and prints what is more than an entry appended to the
# end of a struct or table.
#
# SPDX-License-Identifier: MIT

/^$/ || /^Leaf changes summary/ || /^Changed leaf types summary/ { next }
/^Removed\/Changed\/Added .* summary: 0 Removed, 0 Changed, 0 Added/ { next }
/^'struct sluice_[a-z_]*' changed:$/ { size = 0; next }
/^  type size changed from [0-9]* to [0-9]* \(in bits\)$/ && $5 < $7 { size = $5; next }
/^  [0-9]+ data member insertions?:$/ { next }
/^    '.*', at offset [0-9]+ \(in bits\)$/ && size && $(NF - 2) >= size { next }
{ print }
