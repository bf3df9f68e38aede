# Clocks and pins are the processing system's; nothing else leaves the part.
set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]
