!> Training inside a Fortran program that has started MPI: what trainer.h says, with arrays of any shape and stride.
!>
!>     use ddpm_train                            ! and with it all of the module ddpm
!>     type(ddpm_training) :: training
!>     type(ddpm_generator) :: model
!>     call training%create(MPI_COMM_WORLD, "training: {iterations: 2000}", 3, ierr)
!>     if (ierr /= 0) error stop ddpm_message()
!>     call training%push(first, rows, ierr)     ! each rank its own rows; rows(:, i) is row first + i - 1
!>     call training%step(100, ierr, loss)       ! all ranks
!>     call training%save("model.h5", ierr)      ! for `ddpm sample`
!>     call training%generator(model, ierr)      ! or without a file
!>     call training%close()
!>
!> A communicator is the integer of the module mpi, or that in one of mpi_f08: comm%MPI_VAL. ierr is 0, or another
!> status, of which ddpm_message() tells more; after a failure of a collective procedure only close may follow, except
!> where the arguments were refused. Link ddpm::fortran_train (pkg-config: ddpm-fortran-train) in place of ddpm::fortran.
module ddpm_train
  use, intrinsic :: iso_c_binding
  use ddpm
  implicit none
  private
  public :: ddpm_training, ddpm_generator, ddpm_message, int64, real32, real64

  type :: ddpm_training
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: step, iteration, validate, save, generator, close
    procedure, private :: create_numbered, create_named, push_single, push_double
    generic :: create => create_numbered, create_named
    generic :: push => push_single, push_double
  end type

  type, bind(c) :: rows_type
    integer(c_int64_t) :: most = 0
    integer(c_int) :: is_window = 0
  end type

  interface
    integer(c_int) function c_create(comm, config, columns, names, rows, out) bind(c, name="ddpm_training_create_f")
      import
      integer(c_int), value :: comm ! an MPI_Fint
      character(kind=c_char), intent(in) :: config(*)
      integer(c_int64_t), value :: columns
      type(c_ptr), value :: names
      type(rows_type), intent(in) :: rows
      type(c_ptr), intent(out) :: out
    end function
    integer(c_int) function c_push(training, first, count, columns, rows) bind(c, name="ddpm_training_push_f")
      import
      type(c_ptr), value :: training
      integer(c_int64_t), value :: first, count, columns
      real(c_float), intent(in) :: rows(*)
    end function
    integer(c_int) function c_step(training, iterations, loss) bind(c, name="ddpm_training_step")
      import
      type(c_ptr), value :: training
      integer(c_int64_t), value :: iterations
      real(c_double), intent(inout) :: loss
    end function
    integer(c_int64_t) function c_iteration(training) bind(c, name="ddpm_training_iteration")
      import
      type(c_ptr), value :: training
    end function
    integer(c_int) function c_validate(training, loss) bind(c, name="ddpm_training_validate")
      import
      type(c_ptr), value :: training
      real(c_double), intent(inout) :: loss
    end function
    integer(c_int) function c_save(training, path) bind(c, name="ddpm_training_save")
      import
      type(c_ptr), value :: training
      character(kind=c_char), intent(in) :: path(*)
    end function
    integer(c_int) function c_generator(training, out) bind(c, name="ddpm_training_generator")
      import
      type(c_ptr), value :: training
      type(c_ptr), intent(out) :: out
    end function
    subroutine c_free(training) bind(c, name="ddpm_training_free")
      import
      type(c_ptr), value :: training
    end subroutine
  end interface

contains

  ! ---- creating ----

  !> Collective. config is the text of a configuration. Of all rows at most `most` are kept, if it is given: a random
  !> sample, or with window=.true. those with the largest numbers.
  subroutine create_numbered(self, comm, config, columns, ierr, most, window)
    class(ddpm_training), intent(inout) :: self
    integer, intent(in) :: comm
    character(*), intent(in) :: config
    integer, intent(in) :: columns
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: most
    logical, intent(in), optional :: window
    call self%close()
    ierr = c_create(int(comm, c_int), trim(config)//c_null_char, int(columns, c_int64_t), c_null_ptr, &
                    rows_kept(most, window), self%handle)
  end subroutine

  !> The same with the names of columns, by which data.columns and data.condition can be said.
  subroutine create_named(self, comm, config, columns, ierr, most, window)
    class(ddpm_training), intent(inout) :: self
    integer, intent(in) :: comm
    character(*), intent(in) :: config
    character(*), intent(in) :: columns(:)
    integer, intent(out) :: ierr
    integer(int64), intent(in), optional :: most
    logical, intent(in), optional :: window
    character(kind=c_char), target :: letters(len(columns) + 1, size(columns))
    type(c_ptr), target :: names(size(columns))
    integer :: i, j
    letters = c_null_char
    do j = 1, size(columns)
      do i = 1, len_trim(columns(j))
        letters(i, j) = columns(j)(i:i)
      end do
      names(j) = c_loc(letters(1, j))
    end do
    call self%close()
    ierr = c_create(int(comm, c_int), trim(config)//c_null_char, size(columns, kind=c_int64_t), c_loc(names), &
                    rows_kept(most, window), self%handle)
  end subroutine

  type(rows_type) function rows_kept(most, window)
    integer(int64), intent(in), optional :: most
    logical, intent(in), optional :: window
    if (present(most)) rows_kept%most = most
    if (present(window)) rows_kept%is_window = merge(1, 0, window)
  end function

  !> Collective. Free it; a generator of it stays.
  subroutine close(self)
    class(ddpm_training), intent(inout) :: self
    call c_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  ! ---- rows, which are copied in single precision ----

  !> Local. Give rows first, first + 1, ..., which no rank has given before.
  subroutine push_single(self, first, rows, ierr)
    class(ddpm_training), intent(in) :: self
    integer(int64), intent(in) :: first
    real(real32), intent(in) :: rows(:, :)
    integer, intent(out) :: ierr
    ierr = c_push(self%handle, first, size(rows, 2, c_int64_t), size(rows, 1, c_int64_t), rows)
  end subroutine

  subroutine push_double(self, first, rows, ierr)
    class(ddpm_training), intent(in) :: self
    integer(int64), intent(in) :: first
    real(real64), intent(in) :: rows(:, :)
    integer, intent(out) :: ierr
    call self%push_single(first, real(rows, real32), ierr)
  end subroutine

  ! ---- training ----

  !> Collective. Train for some iterations on the rows that are kept now; loss is the mean over these iterations.
  subroutine step(self, iterations, ierr, loss)
    class(ddpm_training), intent(in) :: self
    integer, intent(in) :: iterations
    integer, intent(out) :: ierr
    real(real64), intent(out), optional :: loss
    real(c_double) :: found
    found = 0
    ierr = c_step(self%handle, int(iterations, c_int64_t), found)
    if (present(loss)) loss = found
  end subroutine

  !> Local. Iterations so far.
  integer(int64) function iteration(self)
    class(ddpm_training), intent(in) :: self
    iteration = c_iteration(self%handle)
  end function

  !> Collective. The loss on the rows that are held out, once there was a step; NaN where there are none.
  subroutine validate(self, loss, ierr)
    class(ddpm_training), intent(in) :: self
    real(real64), intent(out) :: loss
    integer, intent(out) :: ierr
    loss = 0
    ierr = c_validate(self%handle, loss)
  end subroutine

  ! ---- the model, after the first step ----

  !> Collective. Write a checkpoint, which rank 0 does.
  subroutine save(self, path, ierr)
    class(ddpm_training), intent(in) :: self
    character(*), intent(in) :: path
    integer, intent(out) :: ierr
    ierr = c_save(self%handle, trim(path)//c_null_char)
  end subroutine

  !> Local. A generator of the model as it is now, which does not change when training goes on.
  subroutine generator(self, model, ierr)
    class(ddpm_training), intent(in) :: self
    type(ddpm_generator), intent(inout) :: model
    integer, intent(out) :: ierr
    type(c_ptr) :: handle
    ierr = c_generator(self%handle, handle)
    call model%adopt(handle)
  end subroutine

end module ddpm_train
