# Builds the bitstream:  vivado -mode batch -source build.tcl
#
# Everything is made in work/, beside this file, anew each time; results go to out/. What is built stands in
# design.tcl; these scripts are the same for every design. A failure ends Vivado with a status other than 0.

set here [file dirname [file normalize [info script]]]
set work [file join $here work]
set out [file join $here out]

foreach script {design tcl/common tcl/package_ip tcl/hls_ip tcl/block_design tcl/implement} {
  source [file join $here $script.tcl]
}

file delete -force $work $out
file mkdir $work $out

# In batch mode Vivado ends with status 1 at an error, but says nothing that a program could look for.
if {[catch {
  set repositories [package_converters $design $here $work]
  if {[dict get $design backend] eq "hls"} {
    lappend repositories [hls_ip $here $work]
  } else {
    lappend repositories [package_accelerator $design $here $work]
  }
  open_shell_project $design $here $work $repositories
  block_design $design
  set met [implement $design $work $out]
} message options]} {
  puts "PIXELMEND FAILED $message"
  puts [dict get $options -errorinfo]
  exit 1
}
if {!$met} {
  puts "PIXELMEND TIMING MISSED"
  exit 2
}
say_digests $here $out
puts "PIXELMEND DONE"
exit 0
