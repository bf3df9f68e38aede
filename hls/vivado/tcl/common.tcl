# What the other scripts share.

# A step begins; whoever reads the log sees how far the build is.
proc say_step {number name} {
  puts "PIXELMEND STEP $number/8 $name"
}

# VLNV of the newest installed IP of that name; several names are tried in turn. Versions differ between
# releases of Vivado, so none is written down. An IP of which only some version is for block designs (as the AXI
# interconnect) is listed with -all alone; our own may name no context.
proc newest_ip {args} {
  foreach pattern $args {
    set found [get_ipdefs -quiet -all -filter {design_tool_contexts =~ *IPI*} $pattern]
    if {[llength $found] == 0} {
      set found [get_ipdefs -quiet $pattern]
    }
    if {[llength $found] > 0} {
      return [lindex [lsort -dictionary -decreasing $found] 0]
    }
  }
  error "no IP found that matches [join $args { or }]"
}

# Numbers of the outputs behind the first, each with a DMA of its own.
proc further_outputs {design} {
  return [expr {[dict exists $design further_outputs] ? [dict get $design further_outputs] : {}}]
}

proc read_text {path} {
  set stream [open $path r]
  fconfigure $stream -encoding utf-8 -translation lf
  set text [read $stream]
  close $stream
  return $text
}

proc write_text {path text} {
  file mkdir [file dirname $path]
  set stream [open $path w]
  fconfigure $stream -encoding utf-8 -translation lf
  puts -nonewline $stream $text
  close $stream
}

# {NAME value ...} -> {CONFIG.NAME value ...}, as set_property -dict takes it.
proc configuration {values} {
  set result {}
  dict for {name value} $values {
    lappend result CONFIG.$name $value
  }
  return $result
}
